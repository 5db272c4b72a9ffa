// What the tests run in a page: a microphone that is a tone, an ear that names the strongest one, and two telephones,
// one by the API and one by SIP over WebSocket (JsSIP).
window.rtc = (() => {
    const context = new AudioContext({sampleRate: 48000});
    let ear = null;

    function microphone(hz) {
        const oscillator = new OscillatorNode(context, {frequency: hz});
        const level = new GainNode(context, {gain: 0.3});
        const target = new MediaStreamAudioDestinationNode(context);
        oscillator.connect(level).connect(target);
        oscillator.start();
        return target.stream;
    }

    function listen(stream) {
        const element = new Audio();  // Chromium decodes only what an element plays
        element.srcObject = stream;
        element.muted = true;
        element.play();
        ear = new AnalyserNode(context, {fftSize: 16384, smoothingTimeConstant: 0});
        context.createMediaStreamSource(stream).connect(ear);
    }

    // The strongest frequency heard, in Hz; 0 for silence.
    function heard() {
        if (!ear) return 0;
        const bins = new Float32Array(ear.frequencyBinCount);
        ear.getFloatFrequencyData(bins);
        let best = 0;
        for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
        return bins[best] < -70 ? 0 : best * context.sampleRate / ear.fftSize;
    }

    async function complete(connection) {
        if (connection.iceGatheringState !== 'complete') {
            await new Promise(done => connection.addEventListener('icegatheringstatechange',
                () => connection.iceGatheringState === 'complete' && done()));
        }
        return connection.localDescription.sdp;
    }

    function video() {
        const canvas = document.createElement('canvas');
        canvas.width = 160; canvas.height = 120;  // five small pictures a second: enough to see, and cheap
        const pen = canvas.getContext('2d');
        let hue = 0;
        setInterval(() => { pen.fillStyle = `hsl(${hue++ % 360} 80% 50%)`; pen.fillRect(0, 0, 160, 120); }, 200);
        return canvas.captureStream(5).getVideoTracks()[0];
    }

    async function request(token, method, path, body) {
        const answer = await fetch('/api/v1/webrtc' + path, {
            method, headers: {'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'},
            body: body && JSON.stringify(body)});
        return {status: answer.status, ...(answer.status === 204 ? {} : await answer.json())};
    }

    async function peer(hz, options) {
        await context.resume();
        const connection = new RTCPeerConnection(options.configuration || {});
        const stream = microphone(hz);
        connection.ontrack = event => {
            if (event.track.kind === 'audio') listen(new MediaStream([event.track]));
            else rtc.picture = event.track;
        };
        connection.addTrack(stream.getAudioTracks()[0], stream);
        if (options.video) connection.addTrack(video(), stream);
        rtc.connection = connection;
        return connection;
    }

    async function call(token, caller, callee, hz, options = {}) {
        const connection = await peer(hz, options);
        await connection.setLocalDescription(await connection.createOffer());
        const answer = await request(token, 'POST', '/sessions', {sdp: await complete(connection), caller, callee});
        rtc.session = answer;
        if (answer.sdp) await connection.setRemoteDescription({type: 'answer', sdp: answer.sdp});
        return answer;
    }

    async function restart(token) {
        const connection = rtc.connection;
        await connection.setLocalDescription(await connection.createOffer({iceRestart: true}));
        const answer = await request(token, 'POST', `/sessions/${rtc.session.session_id}/offer`,
            {sdp: await complete(connection), type: 'offer'});
        if (answer.sdp) await connection.setRemoteDescription({type: 'answer', sdp: answer.sdp});
        return answer;
    }

    async function take(token, session, hz, options = {}) {
        const offered = await request(token, 'GET', `/sessions/${session}`);
        const connection = await peer(hz, options);
        await connection.setRemoteDescription({type: 'offer', sdp: offered.sdp});
        await connection.setLocalDescription(await connection.createAnswer());
        rtc.session = await request(token, 'POST', `/sessions/${session}/answer`, {sdp: await complete(connection)});
        return rtc.session;
    }

    // Packets and frames by kind, as the browser counts them, and how many transports it has.
    async function counted() {
        const found = {transports: 0};
        for (const row of (await rtc.connection.getStats()).values()) {
            if (row.type === 'transport') found.transports += 1;
            if (row.type === 'inbound-rtp') found[row.kind] = {packets: row.packetsReceived, frames: row.framesDecoded};
        }
        return found;
    }

    function register(url, number, password, domain, hz) {
        const agent = new JsSIP.UA({
            sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${number}@${domain}`, password,
            session_timers: false, register_expires: 120});
        rtc.agent = agent;
        agent.on('registered', () => { rtc.registered = true; });
        agent.on('registrationFailed', event => { rtc.registered = 'failed: ' + event.cause; });
        agent.on('newRTCSession', event => {
            rtc.sip = event.session;
            rtc.state = 'new';
            event.session.on('peerconnection', said => watch(said.peerconnection));
            event.session.on('progress', () => { rtc.state = 'progress'; });
            event.session.on('confirmed', () => { rtc.state = 'confirmed'; });
            event.session.on('failed', said => { rtc.state = 'failed: ' + said.cause; });
            event.session.on('ended', said => { rtc.state = 'ended: ' + said.cause; });
            if (event.originator === 'remote') {
                setTimeout(() => event.session.answer({mediaStream: microphone(hz), pcConfig: {}}), 200);
            }
        });
        agent.start();
    }

    function watch(connection) {
        rtc.connection = connection;
        connection.addEventListener('track', event => {
            if (event.track.kind === 'audio') listen(new MediaStream([event.track]));
        });
    }

    async function dial(target, hz) {
        await context.resume();
        rtc.agent.call(target, {mediaStream: microphone(hz), pcConfig: {}});
        if (rtc.sip.connection) watch(rtc.sip.connection);
    }

    return {call, counted, dial, heard, register, request, restart, take, state: '', registered: false};
})();
true;
