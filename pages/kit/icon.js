// One icon of the sprite: decoration beside a word, so it is hidden from screen readers.
export default {
  props: { name: String },
  computed: {
    href() {
      return window.xl.icon(this.name);
    },
  },
  template: `<svg class="i" aria-hidden="true" focusable="false"><use :href="href" /></svg>`,
};
