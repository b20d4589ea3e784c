// 06 New owners, guarantees
// Owners, guarantees and other links that began since the date, of the riskiest
CALL () {
  OPTIONAL MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  RETURN coalesce(date($asOf), run.asOf - duration({days: 180})) AS day
}
MATCH (run:Run {state: 'published'}) WITH run, day LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskScore IS NOT NULL
WITH day, p ORDER BY p.riskScore LIMIT 1000
MATCH (p)-[l:OWNS|CONTROLS|LEGAL_REP_OF|GUARANTEES|BRANCH_OF|LENDS_TO|SHARES_ADDRESS|SHARES_ACCOUNT]-(:Party)
WHERE l.validFrom > day
RETURN DISTINCT day, type(l) AS link, startNode(l).partyId AS source, endNode(l).partyId AS target,
       l.validFrom AS since, l.validTo AS until, l.amount AS amountInMinorUnits, l.currency AS currency
ORDER BY since DESC LIMIT 50
