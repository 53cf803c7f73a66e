// A short sound, made by the browser: no file is needed.

const NOTES = [[659.3, 0], [880, 0.11]]; // E5, A5: frequency in Hz, and when, in seconds
const LOUDNESS = 0.12;
const LENGTH = 0.35;

let context = null;
let playing = 0; // tones that have not ended

/** Plays it. Silent until the user has clicked or typed in this page: before that, browsers allow no sound. */
export async function chime() {
  if (!navigator.userActivation?.hasBeenActive) return;
  context ??= new AudioContext();
  try {
    await context.resume();
  } catch {
    return; // there is no sound device
  }
  const now = context.currentTime;
  for (const [frequency, at] of NOTES) play(frequency, now + at);
}

function play(frequency, from) {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, from);
  volume.gain.linearRampToValueAtTime(LOUDNESS, from + 0.01);
  volume.gain.exponentialRampToValueAtTime(0.0001, from + LENGTH);
  tone.connect(volume).connect(context.destination);
  tone.start(from);
  tone.stop(from + LENGTH);
  playing++;
  tone.onended = () => --playing === 0 && context.suspend(); // lets the sound device rest
}
