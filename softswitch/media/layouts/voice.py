"""What the engine keeps of a port whose sound it takes apart: jitter buffer, samples heard and to be said, coders.

A voice lies in the same shared memory as the port it belongs to (`port["voice"]`); rules and units are those of
`softswitch.media.layouts.shared`. It costs memory only where sound is decoded: relayed ports have none.
"""

from __future__ import annotations

from softswitch.media.formats import MAXIMUM_FORMATS
from softswitch.media.layouts.room import MAXIMUM_TURN
from softswitch.media.layouts.shared import MAXIMUM_PACKET, whole_lines

#: So many more voices than ports there are: one that has been replaced is free only when the packet thread says so.
SPARE_VOICES = 16
#: A port may be in a room, be listened to and be played into by an encoder, all at once.
VOICES_PER_PORT = 3

#: Packets the jitter buffer holds; a power of two.
JITTER_PLACES = 32
#: The longest packet heard, 120 ms at 48 kHz, and all that is kept to be heard.
LONGEST_FRAME, HEARD_SAMPLES = 5760, 12288
#: The rate of the samples between a fan-out's talker and its listeners with other codecs, in Hz.
RENDITION_HZ = 16000
#: The longest packet sent, 60 ms, and one turn more.
SPOKEN_SAMPLES = 60 * 48 + MAXIMUM_TURN

#: Decoders of one voice (formats that may come, the first of them), and the most words their states have.
DECODERS, DECODER_WORDS, ENCODER_WORDS, RESAMPLER_WORDS = 3, 8192, 8192, 320

#: In `decoder_of`: comfort noise (RFC 3389), which is no sound but says how to make some; words of what makes it.
NOISE_DECODER, NOISE_WORDS = 255, 25

#: In `noisy`, what is heard while nothing comes: silence, noise as the peer has described it (RFC 3389), or noise that
#: its codec's decoder goes on making.
SILENT, DESCRIBED_NOISE, CODED_NOISE = 0, 1, 2

#: States of the jitter buffer: nothing comes; the first packets are gathered; packets are taken out in order.
IDLE, GATHERING, FLOWING = 0, 1, 2

#: How much is gathered before the first packet is heard.
DEPTH_NS = 20_000_000

#: The most words the states of the DTMF detector, the voice activity detector and the fax tone's have.
KEY_WORDS, SPEECH_WORDS, FAX_WORDS = 80, 8, 8
#: Beginnings and ends of keys in one packet of at most 120 ms.
FOUND_KEYS = 8

# What every turn looks at comes first and together.
VOICE = whole_lines(
    [
        # Jitter buffer.
        ("state", "i8"),
        ("next_sequence", "i8"),
        ("highest_sequence", "i8"),
        ("first_arrival_ns", "i8"),
        ("stretched", "i8"),  # packets for which something was heard that has not come, and may come yet
        ("concealed_in_row", "i8"),
        ("frame_samples", "i8"),  # of the last packet, at the room's rate
        ("rate_hz", "i8"),  # the room's
        ("turn_ns", "i8"),  # when samples were taken last
        ("least_slack_ns", "i8"),  # how long before its turn the latest packet came, since the depth was looked at last
        ("turns_watched", "i8"),
        ("late", "i8"),
        ("spares", "i8"),
        ("concealed", "i8"),
        ("shortened", "i8"),
        ("lengthened", "i8"),
        # Samples heard, at the room's rate: `heard[heard_begin:heard_end]` are still to be heard.
        ("heard_begin", "i8"),
        ("heard_end", "i8"),
        ("decoding", "i8"),  # decoder of the last packet
        ("frame_decoded", "i8"),  # samples of the last packet, at the decoder's rate
        ("decoder_codec", "i8", DECODERS),
        ("decoder_resampled", "i8", DECODERS),
        ("noisy", "i8"),  # the last packet said that silence follows: what is heard until sound comes again
        ("decoder_of", "u1", MAXIMUM_FORMATS),  # by number of the format, from 1; 0 is not decoded
        # In the room.
        ("gain", "f8"),
        ("muted", "i8"),
        ("deaf", "i8"),
        ("contributes", "i8"),
        ("level", "f8"),
        ("audience", "i8"),  # the only port that hears it, NOBODY: all do
        ("whispered", "i8"),  # somebody speaks to this member alone
        ("levelled", "i8"),  # by the automatic gain
        ("loudness", "f8"),  # of speech, by the root mean square
        ("levelling", "f8"),  # gain now
        ("frozen", "i8"),  # a modem is heard: the depth of the buffer stays, and nothing is done to the sound
        ("partner", "i8"),  # port that telephone-events are passed on to
        # Said to the member.
        ("spoken_count", "i8"),
        ("speaks", "i8"),
        ("send_codec", "i8"),
        ("send_resampled", "i8"),
        ("send_payload_type", "i8"),
        ("send_clock", "i8"),
        ("send_samples", "i8"),  # in one packet, at the room's rate
        ("send_ticks", "i8"),  # of the RTP clock in one packet
        ("quiet_payload_type", "i8"),  # of comfort noise, 0: it takes none
        # The rest is for rarer moments.
        ("noise", "i8", NOISE_WORDS),
        # Silence that is described to the member instead of sent (RFC 3389).
        ("quiet", "i8"),  # it is told that there is silence
        ("quiet_order", "i8"),  # coefficients of its spectrum
        ("quiet_ms", "i8"),  # since it was told last
        ("quiet_level", "i8"),  # that it was told, in −dBov
        ("quiet_speech", "i8", SPEECH_WORDS),
        ("quiet_noise", "i8", NOISE_WORDS),
        # Of a voice that codes what a fan-out's talker says for all who need it, or that hears the talker for those.
        ("rendered", "i8"),  # number of the packet that it has taken last
        ("rendition_stream", "i8"),  # negative, so that it is nobody's SSRC; with another one a stream begins anew
        ("rendition_packets", "i8"),  # made of the talker's last packet
        ("rendition_from", "i8"),  # timestamp of the first of them
        ("rendition_timestamp", "i8"),  # of the next one
        ("expected_timestamp", "i8"),  # of the talker's next packet
        # A telephone-event on its way to the member (RFC 4733).
        ("event_ssrc", "i8"),
        ("event_source_timestamp", "i8"),
        ("event_timestamp", "i8"),
        ("event_until_ns", "i8"),
        # Of a voice that only listens, an ear.
        ("listens", "i8"),
        ("key", "i8"),  # being heard, -1 none
        ("key_from_ns", "i8"),
        ("speech_ms", "i8"),  # in a row
        ("found", "i8", FOUND_KEYS),
        ("key_state", "i8", KEY_WORDS),
        ("speech_state", "i8", SPEECH_WORDS),
        ("fax_state", "i8", FAX_WORDS),
        # All above is cleared for a new voice.
        ("own", "f4", MAXIMUM_TURN),  # what it adds to the sum
        ("sequence", "i4", JITTER_PLACES),  # -1: no packet
        ("length", "i4", JITTER_PLACES),  # 0: nothing to be decoded
        ("format", "i4", JITTER_PLACES),
        ("part", "i4", JITTER_PLACES),  # of `payload`, which the packet is in
        ("spare", "i4", JITTER_PLACES),  # parts without a packet, the one left last on top of `spares` of them
        ("heard", "i2", HEARD_SAMPLES),
        ("spoken", "i2", SPOKEN_SAMPLES),
        ("payload", "u1", JITTER_PLACES * MAXIMUM_PACKET),
        # States of `mediacodecs.streams` and `mediacodecs.resample`.
        ("heard_rates", "i8", DECODERS * RESAMPLER_WORDS),
        ("spoken_rate", "i8", RESAMPLER_WORDS),
        ("encoder", "i8", ENCODER_WORDS),
        ("decoders", "i8", DECODERS * DECODER_WORDS),
    ]
)
