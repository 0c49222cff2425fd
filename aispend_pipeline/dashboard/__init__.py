"""The dashboard: a page of our own script and style over the HTTP routes that everybody has, and Plotly's bundle."""
