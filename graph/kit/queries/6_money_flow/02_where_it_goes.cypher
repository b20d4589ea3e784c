// 02 Where its money goes
// Where its money goes, the largest flows of two steps (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:PAYS]->(:Party)-[:PAYS]->(:Party) }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
CALL (p) {
  MATCH (p)-[t:PAYS]->(via:Party) RETURN t, via ORDER BY coalesce(t.amount, 0) DESC LIMIT 10
}
CALL (p, via) {
  MATCH (via)-[u:PAYS]->(last:Party) RETURN u, last ORDER BY coalesce(u.amount, 0) DESC LIMIT 5
}
RETURN p, t, via, u, last LIMIT 50
