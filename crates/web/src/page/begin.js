// All files stand in one function, after SETTINGS (of the channel) and STYLES: see script.rs, which
// also makes them small. It asks for three habits: a comment is a line of its own, no text goes
// over a line's end, and a name at the top of a file is in no other file.

// Until this script has come, the site may leave functions in a list, to be called with what is
// offered to it. Included twice, the first one stays.
const waiting = window.Switchboard ??= [];
if (waiting.on) return;
// So that a second one finds it even before the first has begun.
waiting.on = true;
