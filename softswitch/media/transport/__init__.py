"""How secured peers are reached: ICE, DTLS, SRTP keys, and several streams on one transport."""
