// A field: label above, native control, hint or error below. Text, lines, choice and code box.
export default {
  props: {
    label: String,
    hint: String,
    value: [String, Number],
    type: { type: String, default: "text" },
    kind: { type: String, default: "text" }, // text | lines | choice | code
    options: Array, // of {value, label}, for a choice
    lines: { type: Number, default: 3 },
    length: Number, // most characters; of a code box: all of them
    error: Boolean,
    errorMessage: String,
    placeholder: String,
    name: String,
    complete: String, // autocomplete, as browsers and password managers understand it
    mode: String, // inputmode
    required: Boolean,
    requiredWord: String,
    lonely: Boolean, // label for screen readers only
    disable: Boolean,
    keep: String, // key under which a draft of it is kept
    autofocus: Boolean,
    submits: Boolean, // a full code box sends the form around it; the hint says so
    showWord: String, // of the button that shows a password
    hideWord: String,
    unit: String, // of a number, beside it
  },
  emits: ["update:value", "full"],
  data() {
    return { typed: this.value ?? "", shown: false };
  },
  computed: {
    inner() {
      return this.$attrs.id + "-in";
    },
    note() {
      return this.error ? this.errorMessage : this.hint || this.day;
    },
    day() {
      // The browser writes dates as its own language does, 03/04 or 04/03: say it in words too.
      if (this.type !== "date" || !/^\d{4}-\d\d-\d\d$/.test(this.typed)) return "";
      const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeZone: "UTC" });
      return form.format(new Date(this.typed));
    },
    described() {
      const ids = [this.unit && this.inner + "-unit", this.note && this.inner + "-note"];
      return ids.filter(Boolean).join(" ") || undefined;
    },
    common() {
      return {
        id: this.inner,
        class: "input",
        name: this.name,
        placeholder: this.placeholder,
        required: this.required || undefined,
        disabled: this.disable || undefined,
        maxlength: this.length,
        autofocus: this.autofocus || undefined,
        "data-keep": this.keep,
        "aria-invalid": this.error ? "true" : undefined,
        "aria-describedby": this.described,
      };
    },
    secret() {
      return this.type === "password";
    },
  },
  watch: {
    value(next) {
      this.typed = next ?? "";
    },
  },
  beforeUnmount() {
    const known = mounted_app?.elements?.[this.$attrs.id.slice(1)]; // NiceGUI's own state
    if (known) known.props.value = this.typed;
  },
  methods: {
    updateValue() {
      this.typed = this.value ?? "";
    },
    put(event) {
      let next = event.target.value;
      if (this.kind === "code") {
        next = next.replace(/[^0-9A-Za-z]/g, "").slice(0, this.length);
        event.target.value = next;
      }
      this.typed = next;
      this.$emit("update:value", next);
      if (this.kind !== "code" || next.length !== this.length) return;
      this.$emit("full", next);
      if (this.submits) this.$el.closest("form").requestSubmit();
    },
    focusInput() {
      this.$el.querySelector(".input").focus();
    },
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <div class="field" :class="{'field--bad': error, 'field--code': kind === 'code'}">
      <label :for="inner" :class="{sr: lonely}">{{ label }}<span v-if="required && requiredWord"
        class="field__required">{{ requiredWord }}</span></label>
      <select v-if="kind === 'choice'" v-bind="common" :value="typed" @change="put">
        <option v-for="each in options" :key="each.value" :value="each.value">{{ each.label }}</option>
      </select>
      <textarea v-else-if="kind === 'lines'" v-bind="common" :rows="lines" :value="typed"
        @input="put"></textarea>
      <div v-else class="field__box" :class="{'field__box--secret': secret && showWord}">
        <input v-bind="common" :type="secret && shown ? 'text' : type" :value="typed"
          :autocomplete="complete" :inputmode="mode" @input="put"
          :spellcheck="kind === 'code' || secret ? 'false' : undefined"
          :autocapitalize="kind === 'code' || secret ? 'none' : undefined" />
        <span v-if="unit" class="field__unit" :id="inner + '-unit'">{{ unit }}</span>
        <button v-if="secret && showWord" type="button" class="field__eye"
          :aria-label="shown ? hideWord : showWord" :aria-pressed="shown ? 'true' : 'false'"
          @click="shown = !shown"><svg class="i" aria-hidden="true"><use
          :href="use(shown ? 'eye-off' : 'eye')" /></svg></button>
      </div>
      <p v-if="note" class="field__msg" :id="inner + '-note'" :role="error ? 'alert' : undefined">
        <svg v-if="error" class="i" aria-hidden="true"><use :href="use('alert')" /></svg>
        <span>{{ note }}</span></p>
    </div>`,
};
