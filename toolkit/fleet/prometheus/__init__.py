"""Usage from Prometheus, Thanos or Mimir: access (client.py), what is asked (queries.py), what the answers say (results.py)."""
