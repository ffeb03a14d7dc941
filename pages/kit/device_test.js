// Camera and microphone, tried where they will be used: a picture of oneself, and a level that
// moves with one's voice. Nothing is sent anywhere; what came of it is told in three words.
const LISTEN_MS = 2500;

export default {
  props: { words: Object }, // start, looking, hear, ok, silent, refused, missing
  emits: ["result"],
  data() {
    return { state: "idle", level: 0, said: "" };
  },
  unmounted() {
    this.stop();
  },
  methods: {
    async start() {
      this.state = "looking";
      this.said = this.words.looking;
      if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return this.fail("missing");
      try {
        this.stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      } catch (error) {
        return this.fail(error.name === "NotAllowedError" ? "refused" : "missing");
      }
      await this.$nextTick();
      this.$refs.picture.srcObject = this.stream;
      this.said = this.words.hear;
      const heard = await this.listen();
      const track = this.stream.getVideoTracks()[0];
      const size = track ? track.getSettings() : {};
      this.state = "done";
      this.said = heard ? this.words.ok : this.words.silent;
      this.$emit("result", {
        outcome: "ok",
        heard,
        width: size.width || 0,
        height: size.height || 0,
      });
      this.stop();
    },
    async listen() {
      const context = new AudioContext();
      const meter = context.createAnalyser();
      context.createMediaStreamSource(this.stream).connect(meter);
      const values = new Uint8Array(meter.fftSize);
      const until = performance.now() + LISTEN_MS;
      let most = 0;
      while (performance.now() < until && this.stream) {
        meter.getByteTimeDomainData(values);
        const swing = Math.max(...values) - Math.min(...values);
        most = Math.max(most, swing);
        this.level = Math.min(100, Math.round(swing / 1.28));
        await new Promise((done) => setTimeout(done, 100));
      }
      await context.close();
      return most > 6;
    },
    fail(why) {
      this.state = "done";
      this.said = this.words[why];
      this.$emit("result", { outcome: "failed", why });
      this.stop();
    },
    stop() {
      if (this.stream) this.stream.getTracks().forEach((track) => track.stop());
      this.stream = null;
    },
  },
  template: `
    <div class="stack">
      <video v-show="state === 'looking'" ref="picture" class="device-test" autoplay playsinline muted></video>
      <div v-show="state === 'looking'" class="device-level" aria-hidden="true"><i :style="{ width: level + '%' }"></i></div>
      <p v-if="said" role="status">{{ said }}</p>
      <button v-if="state !== 'looking'" type="button" class="btn btn--soft btn--block" @click="start">{{ words.start }}</button>
    </div>`,
};
