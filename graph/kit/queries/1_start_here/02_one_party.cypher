// 02 Choose a party
// Look at one party from now on (put its id here)
:param party => null
