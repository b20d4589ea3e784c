// 04 New partners since
// Trade partners that are new since the date
CALL () {
  OPTIONAL MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  RETURN coalesce(date($asOf), run.asOf - duration({days: 180})) AS day
}
CALL (day) {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run, day LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[s:SUPPLIES|SHIPS_TO]-() WHERE s.firstOn > day }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[s:SUPPLIES|SHIPS_TO]-(other:Party) WHERE s.firstOn > day
RETURN p.partyId AS party, day, type(s) AS tie, startNode(s).partyId AS source, endNode(s).partyId AS target,
       other.riskBand AS band, s.firstOn AS first, s.count AS number, s.amount AS amountInMinorUnits,
       s.currency AS currency
ORDER BY first LIMIT 50
