// 02 Whom its failure reaches
// Whom its failure would reach in two steps (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)<-[:SUPPLIES|GUARANTEES|FINANCES|LENDS_TO]-() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH path = (p)<-[:SUPPLIES|GUARANTEES|FINANCES|LENDS_TO*1..2]-(:Party)
RETURN path LIMIT 150
