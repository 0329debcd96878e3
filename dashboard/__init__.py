"""The dashboard: Streamlit pages over the published file, for sellers who do not write SQL."""
