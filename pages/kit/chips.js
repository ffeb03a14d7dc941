// Choices that stand in one line: chips to filter by, or a segmented switch; one of them is on.
export default {
  props: { label: String, options: Array, value: String, shape: { type: String, default: "chip" } },
  emits: ["update:value"],
  data() {
    return { chosen: this.value };
  },
  watch: {
    value(next) {
      this.chosen = next;
    },
  },
  methods: {
    put(value) {
      this.chosen = value;
      this.$emit("update:value", value);
    },
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <div role="group" :aria-label="label" :class="shape === 'seg' ? 'seg' : 'chips'">
      <button v-for="each in options" :key="each.value" type="button"
        :class="shape === 'seg' ? 'seg__one' : 'chip'"
        :aria-pressed="each.value === chosen ? 'true' : 'false'" @click="put(each.value)">
        <svg v-if="each.icon" class="i" aria-hidden="true"><use :href="use(each.icon)" /></svg>
        {{ each.label }} <b v-if="each.count !== undefined && each.count !== null">{{ each.count }}</b>
      </button>
    </div>`,
};
