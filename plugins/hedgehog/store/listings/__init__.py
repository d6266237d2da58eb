"""Lists that people page through: the database filters, sorts and cuts them, and what is read grows with the page.

Never writes. Rows are plain data; `keyset` says how a page is continued.
"""
