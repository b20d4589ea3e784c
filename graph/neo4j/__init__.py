"""Neo4j as graph of record: the one place that knows its driver.

``server`` starts a local one without Java or Docker on the machine, ``session`` speaks to any,
``schema`` maps the contract to labels and properties, ``store`` fulfils ``graph.store.EcosystemStore``.
Inside this package ``neo4j`` always means the driver: imports are absolute.
"""
