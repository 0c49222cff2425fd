-- Google's detailed usage cost export as a table: its columns as documented, and the pseudo column of its partitions.
-- Costs are doubles there, so they are here: what is made of them exactly is what the queries are held to.
CREATE OR REPLACE TABLE billing_export (
    billing_account_id VARCHAR,
    service STRUCT(id VARCHAR, description VARCHAR),
    sku STRUCT(id VARCHAR, description VARCHAR),
    usage_start_time TIMESTAMPTZ,
    usage_end_time TIMESTAMPTZ,
    project STRUCT(
        id VARCHAR,
        number VARCHAR,
        name VARCHAR,
        labels STRUCT(key VARCHAR, value VARCHAR)[],
        ancestry_numbers VARCHAR,
        ancestors STRUCT(resource_name VARCHAR, display_name VARCHAR)[]
    ),
    labels STRUCT(key VARCHAR, value VARCHAR)[],
    system_labels STRUCT(key VARCHAR, value VARCHAR)[],
    location STRUCT(location VARCHAR, country VARCHAR, region VARCHAR, zone VARCHAR),
    tags STRUCT(key VARCHAR, value VARCHAR, inherited BOOLEAN, namespace VARCHAR)[],
    transaction_type VARCHAR,
    seller_name VARCHAR,
    export_time TIMESTAMPTZ,
    cost DOUBLE,
    currency VARCHAR,
    currency_conversion_rate DOUBLE,
    usage STRUCT(amount DOUBLE, unit VARCHAR, amount_in_pricing_units DOUBLE, pricing_unit VARCHAR),
    credits STRUCT(name VARCHAR, amount DOUBLE, full_name VARCHAR, id VARCHAR, type VARCHAR)[],
    invoice STRUCT(month VARCHAR, publisher_type VARCHAR),
    cost_type VARCHAR,
    adjustment_info STRUCT(id VARCHAR, description VARCHAR, mode VARCHAR, type VARCHAR),
    cost_at_list DOUBLE,
    price STRUCT(
        effective_price DECIMAL(38, 9),
        tier_start_amount DECIMAL(38, 9),
        unit VARCHAR,
        pricing_unit_quantity DECIMAL(38, 9),
        list_price DECIMAL(38, 9),
        effective_price_default DECIMAL(38, 9),
        list_price_consumption_model DECIMAL(38, 9)
    ),
    cost_at_effective_price_default DECIMAL(38, 9),
    cost_at_list_consumption_model DECIMAL(38, 9),
    consumption_model STRUCT(id VARCHAR, description VARCHAR),
    subscription STRUCT(instance_id VARCHAR),
    resource STRUCT(name VARCHAR, global_name VARCHAR),
    _PARTITIONTIME TIMESTAMPTZ
)
