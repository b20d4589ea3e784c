// 09 What is in the graph
// What is in the graph (picture)
CALL db.schema.visualization() YIELD nodes, relationships
RETURN nodes, relationships LIMIT 1
