"""The dashboard: Streamlit pages over the published file, for sellers who would rather look than query."""
