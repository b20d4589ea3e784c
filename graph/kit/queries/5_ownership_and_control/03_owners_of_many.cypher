// People and firms behind most others
MATCH (o:Party)
WITH o, COUNT { (o)-[:OWNS]->() } AS owns, COUNT { (o)-[:CONTROLS]->() } AS controls,
     COUNT { (o)-[:LEGAL_REP_OF]->() } AS represents
WITH o, owns, controls, represents ORDER BY owns + controls + represents DESC, o.partyId LIMIT 25
MATCH (o)-[:OWNS|CONTROLS|LEGAL_REP_OF]->(firm:Party)
RETURN o.partyId AS party, o.name AS name, o.kind AS kind, owns, controls, represents,
       count(DISTINCT firm) AS firms, min(firm.riskScore) AS lowestScore
ORDER BY firms DESC LIMIT 25
