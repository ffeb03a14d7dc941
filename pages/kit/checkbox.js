// A native check box or switch with its words beside it.
export default {
  props: { label: String, modelValue: Boolean, disable: Boolean, toggle: Boolean, name: String, note: String },
  emits: ["update:model-value"],
  methods: {
    put(event) {
      this.$emit("update:model-value", event.target.checked);
    },
  },
  template: `
    <label class="check" :class="{'check--switch': toggle}">
      <input type="checkbox" :role="toggle ? 'switch' : undefined" :name="name" value="yes"
        :checked="modelValue" :disabled="disable || undefined" @change="put" />
      <span class="check__words">{{ label }}<small v-if="note">{{ note }}</small></span>
    </label>`,
};
