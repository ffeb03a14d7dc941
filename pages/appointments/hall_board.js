// The board in the hall. Whoever is newly called, or called once more, flashes and is heard:
// two tones made here. People who asked their device for less motion get neither.
const FLASH = 9000; // milliseconds
const TONES = [[660, 0], [880, 0.28]]; // Hz, seconds
export default {
  props: {
    house: String,
    zone: String, // of the hospital, whatever the screen is set to
    title: String,
    words: Object,
    doors: Array, // of {key, name, title, department, there, called, calls, next, waiting, say}
  },
  data() {
    return { lit: {}, said: "", muted: false, clock: "" };
  },
  watch: {
    doors(now, before) {
      const known = Object.fromEntries((before || []).map((each) => [each.key, each]));
      const fresh = now.filter((each) => this.isNew(each, known[each.key]));
      if (fresh.length) this.announce(fresh);
    },
  },
  mounted() {
    this.tick();
    this.ticking = setInterval(this.tick, 5000);
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    try {
      this.audio = new AudioContext();
      this.audio.onstatechange = this.listen;
    } catch {
      this.audio = null; // a board without sound still shows
    }
    this.listen();
  },
  beforeUnmount() {
    clearInterval(this.ticking);
    clearTimeout(this.darkening);
    if (this.audio) this.audio.close();
  },
  methods: {
    use(name) {
      return window.xl.icon(name);
    },
    tick() {
      const style = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: this.zone };
      this.clock = new Date().toLocaleTimeString(document.documentElement.lang, style);
    },
    listen() {
      // Browsers keep quiet until somebody has pressed something on the page.
      this.muted = Boolean(this.audio) && this.audio.state !== "running";
    },
    isNew(door, before) {
      if (!door.called.length) return false;
      if (!before) return true;
      return door.called.some((each) => !before.called.includes(each)) || door.calls > before.calls;
    },
    announce(fresh) {
      this.said = fresh.map((each) => each.say).join(" ");
      if (this.calm && this.calm.matches) return;
      this.lit = Object.fromEntries(fresh.map((each) => [each.key, true]));
      clearTimeout(this.darkening);
      this.darkening = setTimeout(() => (this.lit = {}), FLASH);
      this.chime();
    },
    chime() {
      if (!this.audio || this.audio.state !== "running") return;
      TONES.forEach(([pitch, after]) => {
        const begin = this.audio.currentTime + after;
        const tone = this.audio.createOscillator(), loud = this.audio.createGain();
        tone.frequency.value = pitch;
        loud.gain.setValueAtTime(0.0001, begin);
        loud.gain.exponentialRampToValueAtTime(0.4, begin + 0.02);
        loud.gain.exponentialRampToValueAtTime(0.0001, begin + 0.9);
        tone.connect(loud).connect(this.audio.destination);
        tone.start(begin);
        tone.stop(begin + 1);
      });
    },
    async wake() {
      await this.audio.resume();
      this.chime();
    },
    fill() {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.documentElement.requestFullscreen();
    },
  },
  template: `
    <div class="board">
      <header class="board__head">
        <div class="board__names"><h1>{{ title }}</h1><span>{{ house }}</span></div>
        <div class="board__tools">
          <button v-if="muted" type="button" class="btn btn--line" @click="wake">
            <svg class="i" aria-hidden="true"><use :href="use('sound')" /></svg>{{ words.sound }}</button>
          <button type="button" class="btn btn--quiet btn--icon" data-set="theme:turn" :aria-label="words.theme" :title="words.theme">
            <svg class="i" aria-hidden="true"><use :href="use('moon')" /></svg></button>
          <button type="button" class="btn btn--quiet" @click="fill">{{ words.full }}</button>
          <a class="btn btn--quiet btn--icon" href="/" :aria-label="words.leave" :title="words.leave">
            <svg class="i" aria-hidden="true"><use :href="use('close')" /></svg></a>
        </div>
        <time class="board__clock">{{ clock }}</time>
      </header>
      <p class="sr" role="status">{{ said }}</p>
      <p v-if="!doors.length" class="board__nobody">{{ words.nobody }}</p>
      <ul v-else class="board__doors" :class="{ 'is-many': doors.length > 4 }">
        <li v-for="door in doors" :key="door.key" class="door" :class="{ 'is-lit': lit[door.key], 'is-away': !door.there }">
          <div class="door__head">
            <h2>{{ door.name }} <small>{{ door.title }}</small></h2>
            <p>{{ door.department }}</p>
            <span class="state" :class="door.there ? 'state--ok' : 'state--warn'">
              <svg class="i" aria-hidden="true"><use :href="use(door.there ? 'ok' : 'clock')" /></svg>{{ door.there ? words.there : words.away }}</span>
          </div>
          <div class="door__now">
            <h3>{{ words.now }}</h3>
            <p v-for="each in door.called" :key="each" class="door__called">
              <b>{{ each.split(" ")[0] }}</b> <span>{{ each.split(" ").slice(1).join(" ") }}</span></p>
            <p v-if="!door.called.length" class="door__called door__called--none" aria-hidden="true">-</p>
          </div>
          <div class="door__next">
            <h3>{{ words.next }}</h3>
            <ol v-if="door.next.length"><li v-for="each in door.next" :key="each">{{ each }}</li></ol>
            <p class="door__waiting">{{ door.waiting }}</p>
          </div>
        </li>
      </ul>
    </div>`,
};
