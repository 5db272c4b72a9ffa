import * as JsSIP from 'jssip';
window.JsSIP = JsSIP;
