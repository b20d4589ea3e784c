// 02 Its group
// Its group: what its owners also own (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)<-[:OWNS|CONTROLS|LEGAL_REP_OF]-()-[:OWNS|CONTROLS|LEGAL_REP_OF]->() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
CALL (p) {
  MATCH (p)<-[:OWNS|CONTROLS|LEGAL_REP_OF*0..2]-(top:Party)
  RETURN DISTINCT top LIMIT 20
}
MATCH path = (top)-[:OWNS|CONTROLS|LEGAL_REP_OF]->(:Party)
RETURN path LIMIT 150
