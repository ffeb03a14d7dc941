// A side panel: the focus goes in when it opens, Esc closes it, and the focus goes back.
// On a wide screen it stands beside the page, which makes room (kit.css: has-side).
const REACHABLE = "a[href],button:not([disabled]),input:not([disabled]),select,textarea,[tabindex='0']";
export default {
  props: { open: Boolean, title: String, closeWord: String },
  emits: ["close"],
  watch: {
    open(now) {
      if (now) this.enter();
      else this.leave();
    },
  },
  mounted() {
    if (this.open) this.enter();
  },
  beforeUnmount() {
    if (this.open) this.leave();
  },
  methods: {
    enter() {
      this.before = document.activeElement;
      document.documentElement.classList.add("has-side");
      this.align();
      this.$nextTick(() => {
        const first = this.$el.querySelector("[autofocus]") || this.$el.querySelector("h2");
        first.focus();
      });
    },
    align() {
      const main = document.querySelector(".q-page-container");
      if (!main || this.watcher) return;
      // Below the bar and, while a record is open in an emergency, below that banner too.
      const follow = () => {
        const top = Math.round(main.getBoundingClientRect().top);
        document.documentElement.style.setProperty("--side-top", `${top}px`);
      };
      this.watcher = new ResizeObserver(follow);
      this.watcher.observe(main);
      follow();
    },
    leave() {
      document.documentElement.classList.remove("has-side");
      if (this.watcher) this.watcher.disconnect();
      this.watcher = null;
      if (this.before && document.contains(this.before)) this.before.focus();
      this.before = null;
    },
    key(event) {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.$emit("close");
      } else if (event.key === "Tab" && window.matchMedia("(max-width: 759px)").matches) {
        this.stay(event); // there it covers the page, so the focus must not go behind it
      }
    },
    stay(event) {
      const all = [...this.$el.querySelectorAll(REACHABLE)].filter((each) => each.offsetParent);
      const last = all[all.length - 1];
      if (!event.shiftKey && document.activeElement === last) {
        event.preventDefault();
        all[0].focus();
      } else if (event.shiftKey && !all.slice(1).includes(document.activeElement)) {
        event.preventDefault();
        last.focus();
      }
    },
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <div class="side" role="dialog" :aria-label="title" v-show="open" @keydown="key">
      <div class="panel__head">
        <h2 tabindex="-1">{{ title }}</h2>
        <button type="button" class="btn btn--quiet btn--icon" :aria-label="closeWord"
          :title="closeWord" @click="$emit('close')"><svg class="i" aria-hidden="true"><use
          :href="use('close')" /></svg></button>
      </div>
      <div class="side__body"><slot /></div>
    </div>`,
};
