// The keys of a page: listens for them, and lists them when somebody presses ?.
export default {
  props: { keys: Array, words: Object }, // keys: of {key, label}
  emits: ["press"],
  data() {
    return { on: window.xl.cookie("keys") !== "off", searches: false };
  },
  mounted() {
    document.addEventListener("keydown", this.heard);
  },
  beforeUnmount() {
    document.removeEventListener("keydown", this.heard);
  },
  methods: {
    heard(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.target.closest("input,textarea,select,[contenteditable],dialog[open]")) return;
      if (event.key === "?") {
        event.preventDefault();
        this.show();
      } else if (this.on && event.key === "/" && this.box()) {
        event.preventDefault();
        this.box().focus();
      } else if (this.on && this.keys.some((each) => each.key.toLowerCase() === event.key.toLowerCase())) {
        event.preventDefault();
        this.$emit("press", event.key.toLowerCase());
      }
    },
    box() {
      return document.querySelector("main input[type=search], .bar input[type=search]");
    },
    show() {
      this.searches = Boolean(this.box());
      if (!this.$el.open) this.$el.showModal();
    },
    turn(event) {
      this.on = event.target.checked;
      window.xl.remember("keys", this.on ? "on" : "off");
    },
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <dialog class="help" :aria-label="words.title">
      <div class="panel__head"><h2>{{ words.title }}</h2>
        <button type="button" class="btn btn--quiet btn--icon" :aria-label="words.close" :title="words.close"
          @click="$el.close()"><svg class="i" aria-hidden="true"><use :href="use('close')" /></svg></button></div>
      <div class="help__body">
        <dl class="help__keys"><div v-for="each in keys" :key="each.key"><dt>{{ each.label }}</dt><dd><kbd
          class="kbd">{{ each.key }}</kbd></dd></div><div v-if="searches"><dt>{{ words.search }}</dt><dd><kbd class="kbd">/</kbd></dd></div><div><dt>{{ words.this_sheet }}</dt><dd><kbd class="kbd">?</kbd></dd></div></dl>
        <label class="check check--switch"><input type="checkbox" role="switch" :checked="on" @change="turn" />
          <span class="check__words">{{ words.single_keys }}<small>{{ words.single_keys_note }}</small></span></label>
        <slot />
      </div>
    </dialog>`,
};
