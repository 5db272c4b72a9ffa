// What the console says, in both languages; the keys are the same in each.

const WORDS = {
  en: {
    language: "中文", dark: "Dark", light: "Light", auto: "Auto", logout: "Log out", login: "Log in", token: "Access token",
    enter: "Enter", token_hint: "The token stays in this browser tab and is gone when it closes.",
    dial: "Place a call", caller: "From (rings first)", callee: "To", call: "Call", directory: "Directory", search: "Search number or name",
    calls: "Calls", no_calls: "No call is in progress.", events: "Events", lists: "Lists", live: "live", offline: "not connected",
    missed: "events were missed", registrations: "Registrations", trunks: "Trunks", cdrs: "Call records",
    disconnect: "Disconnect", force_release: "Release by force", hold: "Hold", resume: "Resume", transfer: "Transfer", answer: "Answer",
    to: "to number", again: "Press again", confirm: "press once more to confirm", held: "held",
    idle: "idle", caller_setup: "ringing the caller", callee_setup: "ringing the callee", active: "talking", disconnected: "over",
    setup: "being rung", ringing: "ringing", answered: "connected", ended: "gone",
    offline_: "offline", available: "available", busy: "busy", do_not_disturb: "do not disturb",
    number: "Number", contact: "Contact", source: "Source", expires_at: "Until", user_agent: "Device", remove: "Remove",
    name: "Name", state: "State", max_calls: "Most calls", up: "up", down: "down",
    started_at: "Begin", duration: "Talk time", disposition: "Outcome", sip_code: "SIP", released_by: "Ended by",
    ok: "in order", degraded: "trouble", stopping: "stopping", lost: "the switch does not answer",
    health: (calls, registrations) => `${calls} calls, ${registrations} registrations`,
    keys: "Keys: / dial · Alt+1…3 lists · Tab and Enter for everything else", refused: "Refused", empty: "Nothing here.", emergency: "EMERGENCY",
    wrong_token: "The switch does not know this token.",
  },
  zh: {
    language: "English", dark: "深色", light: "浅色", auto: "自动", logout: "退出", login: "登录", token: "访问令牌",
    enter: "进入", token_hint: "令牌只保存在本标签页，关闭后即清除。",
    dial: "发起呼叫", caller: "主叫（先振铃）", callee: "被叫", call: "呼叫", directory: "通讯录", search: "查找号码或姓名",
    calls: "当前呼叫", no_calls: "当前没有呼叫。", events: "事件", lists: "列表", live: "实时", offline: "未连接",
    missed: "个事件已错过", registrations: "注册", trunks: "中继", cdrs: "话单",
    disconnect: "断开", force_release: "强拆", hold: "保持", resume: "恢复", transfer: "转接", answer: "代接",
    to: "转至号码", again: "再按一次", confirm: "再按一次以确认", held: "保持中",
    idle: "空闲", caller_setup: "正在呼叫主叫", callee_setup: "正在呼叫被叫", active: "通话中", disconnected: "已结束",
    setup: "呼叫中", ringing: "振铃", answered: "已接通", ended: "已离开",
    offline_: "离线", available: "在线", busy: "忙", do_not_disturb: "免打扰",
    number: "号码", contact: "联系地址", source: "来源", expires_at: "有效期至", user_agent: "终端", remove: "注销",
    name: "名称", state: "状态", max_calls: "最大呼叫数", up: "正常", down: "中断",
    started_at: "开始", duration: "通话时长", disposition: "结果", sip_code: "SIP", released_by: "释放方",
    ok: "正常", degraded: "有故障", stopping: "正在停止", lost: "交换机无响应",
    health: (calls, registrations) => `${calls} 路呼叫，${registrations} 个注册`,
    keys: "按键：/ 拨号 · Alt+1…3 列表 · 其余用 Tab 与 Enter", refused: "被拒绝", empty: "没有内容。", emergency: "紧急",
    wrong_token: "交换机不认识该令牌。",
  },
};

export let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");

export function say(key) {
  return WORDS[language][key] ?? key;
}

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  write();
}

/** Write the words of the present language into everything that names one. */
export function write(root = document) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) {
    element.placeholder = say(element.dataset.label);
    element.setAttribute("aria-label", say(element.dataset.label));
  }
}

export const KEYS = Object.fromEntries(Object.entries(WORDS).map(([name, words]) => [name, Object.keys(words)]));
