// 07 Complaints and events
// Complaints, disputes, lawsuits and other events
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:HAS_EVENT]->() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[:HAS_EVENT]->(e:Event)
RETURN p.partyId AS party, e.occurredOn AS occurred, e.kind AS kind, e.status AS status, e.value AS value,
       e.counterpartyId AS counterparty
ORDER BY occurred DESC LIMIT 50
