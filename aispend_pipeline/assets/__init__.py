"""The Dagster side: thin assets over functions that know nothing of Dagster."""
