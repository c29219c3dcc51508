// A short sound with a new message, where the visitor wants one.

let audio;

function soundIsOn() {
  return (kept("sound") ?? SETTINGS.sound) === "on";
}

function beep() {
  audio ??= new AudioContext();
  audio.resume();
  const end = audio.currentTime + 0.4;
  const note = audio.createOscillator();
  const volume = audio.createGain();
  note.frequency.value = 780;
  volume.gain.value = 0.1;
  volume.gain.exponentialRampToValueAtTime(0.001, end);
  note.connect(volume).connect(audio.destination);
  note.start();
  note.stop(end);
}

// Of several open pages only one is heard.
function ring(message) {
  // Before the first click on a page, browsers let nothing be heard.
  if (!soundIsOn() || navigator.userActivation?.hasBeenActive === false || kept("rang") === message) return;
  keep("rang", message);
  beep();
}
