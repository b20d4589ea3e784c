// 02 One ring: members
// One ring: who is in it, and what they do ($ringId; else the most severe)
CALL () {
  MATCH (ring:Ring {ringId: $ringId}) RETURN ring
  UNION
  MATCH (ring:Ring) WHERE $ringId IS NULL
  RETURN ring ORDER BY ring.severity DESC, ring.ringId LIMIT 1
}
MATCH (ring)-[i:INVOLVES]->(p:Party)
RETURN ring.ringId AS ring, p.partyId AS party, p.name AS name, i.role AS role, p.riskScore AS score,
       p.riskBand AS band, ring.explanation AS explanation
ORDER BY role, party LIMIT 200
