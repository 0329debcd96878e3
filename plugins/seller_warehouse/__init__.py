"""The pipeline from Amazon's report files to published marts.

``land`` keeps the bytes, ``parse`` turns them into text columns, ``gate`` judges them, ``raw_store`` keeps
their history, dbt builds the marts and ``publish`` hands them to readers. See DESIGN in the README.
"""
