"""The analysts' kit: queries, colours, guides and links for people who work in Neo4j Browser.

Texts only, made without a driver: they are written to a folder, and served over HTTP.
"""
