// 05 Path between two
// How two parties hang together ($party and $other): the shortest path (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:SUPPLIES]-() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
CALL (p) {
  MATCH (q:Party {partyId: $other}) RETURN q
  UNION
  MATCH (p)-[:SUPPLIES]-(via:Party)-[:SUPPLIES]-(q:Party) WHERE $other IS NULL AND q <> p
  RETURN q ORDER BY coalesce(q.riskScore, 1000) LIMIT 1
}
MATCH path = shortestPath((p)-[:SUPPLIES|PAYS|SHIPS_TO|FINANCES|OWNS|CONTROLS|GUARANTEES|LEGAL_REP_OF
                               |SHARES_ADDRESS|SHARES_ACCOUNT|SHARES_PHONE|SHARES_DEVICE*1..6]-(q))
RETURN path LIMIT 1
