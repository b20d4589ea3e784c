// 01 Its owners, up to the top
// Its owners and controllers, up to four steps (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)<-[:OWNS|CONTROLS|LEGAL_REP_OF]-() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH path = (p)<-[:OWNS|CONTROLS|LEGAL_REP_OF*1..4]-(:Party)
RETURN path LIMIT 100
