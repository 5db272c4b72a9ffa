"""Radios over IP as AllStarLink and DVSwitch speak it: USRP, linear voice and a key bit over UDP."""
