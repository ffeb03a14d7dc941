// How large pages are written: four sizes in a row, the one in use pressed. Works before anybody
// has signed in, and everywhere on the page at once.
export default {
  props: { label: String, names: Array, short: Boolean }, // names: of the sizes 0 to 3
  emits: ["choose"],
  data() {
    return { size: window.xl.size(), signs: ["A", "A+", "A++", "A+++"] };
  },
  mounted() {
    window.addEventListener("xl-size", this.follow);
  },
  beforeUnmount() {
    window.removeEventListener("xl-size", this.follow);
  },
  methods: {
    follow() {
      this.size = window.xl.size();
    },
    put(size) {
      window.xl.resize(size);
      this.$emit("choose", size);
    },
  },
  template: `
    <button v-if="short" type="button" class="btn btn--quiet" :aria-pressed="size ? 'true' : 'false'"
      @click="put(size ? 0 : 1)">{{ label }}</button>
    <div v-else class="sizes" role="group" :aria-label="label">
      <span class="sizes__label" aria-hidden="true">{{ label }}</span>
      <div class="seg">
        <button v-for="(sign, n) in signs" :key="n" type="button" class="sizes__one" :aria-label="sign + ' ' + names[n]"
          :title="names[n]" :aria-pressed="size === n ? 'true' : 'false'" @click="put(n)">{{ sign }}</button>
      </div>
    </div>`,
};
