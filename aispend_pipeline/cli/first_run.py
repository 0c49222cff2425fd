"""What somebody is told who starts without any provider: which key, who makes it where, with which right, what then."""

from pathlib import Path

_GUIDE = """\
There is nothing to read yet. aispend needs what may read the bill of one
provider at least:

  OpenAI     an admin key; keys of projects cannot read the bill
             who, where: an owner, at https://platform.openai.com, in
                         Settings, Organization, Admin keys
             rights:     to read usage (api.usage.read); for names, to read
                         projects, their keys and users
             setting:    OPENAI_API_KEY=sk-admin-...
  Anthropic  an Admin API key; keys of workspaces cannot read the bill
             who, where: an admin, at https://platform.claude.com, in
                         Settings, Admin keys
             setting:    ANTHROPIC_API_KEY=sk-ant-admin01-...
  Google     no key, but the detailed Cloud Billing export to BigQuery
             who, where: a billing account administrator, at
                         https://console.cloud.google.com, in
                         Billing, Billing export
             rights:     roles/bigquery.jobUser on a project, and
                         roles/bigquery.dataViewer on the dataset
             settings:   GCP_BQ_PROJECT=... GCP_BQ_DATASET=...
                         GCP_BQ_TABLE=gcp_billing_export_resource_v1_...

Then:
  1. write it in a file .env here, or set it in the environment
     (.env.example has every setting)
  2. aispend doctor    says whether it works, and what to do if not
  3. aispend up        reads, watches, tells and answers

No key at hand? aispend demo shows it all on a simulated organisation."""


def guide(dotenv: Path) -> str:
    """What is needed and where it comes from; that `dotenv` is not there, where it is not, before all else."""
    missing = "" if dotenv.exists() else f"There is no file {dotenv.absolute()}\nAre you in the right folder?\n\n"
    return missing + _GUIDE
