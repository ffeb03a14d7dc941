// Broken glass: one line for each record that is open, with the time left by the server's clock.
export default {
  props: {
    items: { type: Array, default: () => [] }, // of {id, why, at, until}, until in ms
    now: Number, // the server's time when it said so: a phone's clock may be wrong
    words: Object, // label, title, left, end
  },
  emits: ["end"],
  data() {
    return { ahead: this.now - Date.now(), at: this.now };
  },
  computed: {
    open() {
      return this.items.filter((each) => each.until > this.at);
    },
  },
  watch: {
    now(said) {
      this.ahead = said - Date.now();
      this.at = said;
    },
  },
  mounted() {
    this.beat = setInterval(() => (this.at = Date.now() + this.ahead), 1000);
  },
  beforeUnmount() {
    clearInterval(this.beat);
  },
  methods: {
    left(each) {
      const seconds = Math.max(0, Math.round((each.until - this.at) / 1000));
      return Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
    },
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <section class="glass" :aria-label="words.label" v-show="open.length">
      <div class="glass__row" v-for="each in open" :key="each.id">
        <svg class="i" aria-hidden="true"><use :href="use('glass')" /></svg>
        <b class="glass__title">{{ words.title }}</b>
        <span class="glass__why" :title="each.why">{{ each.why }}</span>
        <span class="glass__left"><span aria-hidden="true">{{ words.left }} <b>{{ left(each) }}</b></span>
          <span class="glass__at">{{ each.at }}</span></span>
        <button type="button" class="btn glass__end" @click="$emit('end', each.id)">{{ words.end }}</button>
      </div>
    </section>`,
};
