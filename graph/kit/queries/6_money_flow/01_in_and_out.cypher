// 01 Money in and out
// Money in and out, by counterparty
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:PAYS]-(:Party) }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[t:PAYS]-(other:Party)
WITH p, other, t.currency AS currency,
     sum(CASE WHEN startNode(t) = p THEN t.amount ELSE 0 END) AS paid,
     sum(CASE WHEN endNode(t) = p THEN t.amount ELSE 0 END) AS received, max(t.lastOn) AS last
RETURN p.partyId AS party, other.partyId AS counterparty, other.riskBand AS band, paid AS paidInMinorUnits,
       received AS receivedInMinorUnits, currency, last
ORDER BY paid + received DESC LIMIT 50
