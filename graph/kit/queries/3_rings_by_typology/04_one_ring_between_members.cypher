// 04 One ring: all ties
// One ring: all ties between its members (picture)
CALL () {
  MATCH (ring:Ring {ringId: $ringId}) RETURN ring
  UNION
  MATCH (ring:Ring) WHERE $ringId IS NULL
  RETURN ring ORDER BY ring.severity DESC, ring.ringId LIMIT 1
}
MATCH (ring)-[:INVOLVES]->(p:Party)
WITH ring, collect(p)[..60] AS members
UNWIND members AS a
MATCH path = (a)-[]->(b:Party) WHERE b IN members
RETURN path LIMIT 300
