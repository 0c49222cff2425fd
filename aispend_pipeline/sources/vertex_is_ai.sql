-- Which lines count: services by their id, by how their name begins, or some SKUs of them.
service.id IN UNNEST(@service_ids)
OR REGEXP_CONTAINS(LOWER(TRIM(service.description)), @service_pattern)
OR (
    service.id IN UNNEST(@mixed_service_ids)
    AND REGEXP_CONTAINS(LOWER(TRIM(sku.description)), @mixed_sku_pattern)
)
{or_tax}
