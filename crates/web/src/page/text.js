// What visitors read. The server has chosen the language; how times are written is the browser's.

const { texts, language } = SETTINGS;
const base = (tag) => tag.toLowerCase().split("-")[0];
const locale = navigator.languages.find((tag) => base(tag) === base(language)) ?? language;
const direction = /^(ar|ckb|dv|fa|he|ks|ps|sd|ug|ur|yi)$/.test(base(language)) ? "rtl" : "ltr";

// The text under this key; `{n}` in it stands for a number.
function say(key, n = 0) {
  return texts[key].replace("{n}", () => n.toLocaleString(locale));
}

const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);

// "Today", "yesterday", or the date of the day that began then.
function dayName(day) {
  const days = Math.min(0, Math.round((day - midnight(Date.now())) / 864e5));
  if (days > -2) return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day");
  return new Date(day).toLocaleDateString(locale, { dateStyle: "long" });
}
