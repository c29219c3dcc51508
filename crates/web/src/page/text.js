// What visitors read. The server has chosen the language; how times are written is the browser's.

const { texts, language } = SETTINGS;
const base = (tag) => tag.toLowerCase().split("-")[0];
const locale = navigator.languages.find((tag) => base(tag) === base(language)) ?? language;
const direction = /^(ar|ckb|dv|fa|he|ks|ps|sd|ug|ur|yi)$/.test(base(language)) ? "rtl" : "ltr";

// The text under this key; `{n}` in it stands for a number.
function say(key, n = 0) {
  return texts[key].replace("{n}", () => n.toLocaleString(locale));
}

// "Today", "yesterday", or the date.
function dayName(at) {
  const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
  const days = Math.min(0, Math.round((midnight(at) - midnight(Date.now())) / 864e5));
  if (days > -2) return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day");
  return at.toLocaleDateString(locale, { dateStyle: "long" });
}
