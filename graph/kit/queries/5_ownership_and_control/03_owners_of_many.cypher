// 03 Owners of many
// People and firms behind most others
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (o:Party)
WITH run, o, COUNT { (o)-[:OWNS]->() } AS owns, COUNT { (o)-[:CONTROLS]->() } AS controls,
     COUNT { (o)-[:LEGAL_REP_OF]->() } AS represents
WITH run, o, owns, controls, represents ORDER BY owns + controls + represents DESC, o.partyId LIMIT 25
MATCH (o)-[:OWNS|CONTROLS|LEGAL_REP_OF]->(firm:Party)
RETURN o.partyId AS party, o.name AS name, o.kind AS kind, owns, controls, represents,
       count(DISTINCT firm) AS firms,
       min(CASE firm.runId WHEN run.runId THEN firm.riskScore END) AS lowestScore
ORDER BY firms DESC LIMIT 25
