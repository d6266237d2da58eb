"""Reading what somebody wrote: strict YAML, the JSON Schema of its kind, our configuration documents, reports with places.

Never asks what a cluster would say of it: that is `admission`.
"""
