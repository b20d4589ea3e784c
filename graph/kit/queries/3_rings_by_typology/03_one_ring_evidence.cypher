// 03 One ring: evidence
// One ring with the records it rests on (picture)
CALL () {
  MATCH (ring:Ring {ringId: $ringId}) RETURN ring
  UNION
  MATCH (ring:Ring) WHERE $ringId IS NULL AND EXISTS { (ring)-[:RESTS_ON]->() }
  RETURN ring ORDER BY ring.severity DESC, ring.ringId LIMIT 1
}
MATCH (ring)-[:RESTS_ON]->(record)
WITH ring, record LIMIT 100
MATCH path = (ring)-[:RESTS_ON]->(record)-[:ISSUED|BILLED_TO|MADE|PAID_TO|SHIPPED|DELIVERED_TO|PROVIDED
                                          |ASSIGNED_TO|FINANCES|PAYS|FULFILS]-()
RETURN path LIMIT 300
