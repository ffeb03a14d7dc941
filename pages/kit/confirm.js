// Asks before an act that cannot be undone: says what follows, may want a reason. A native dialog.
export default {
  props: {
    title: String,
    consequence: String,
    doWord: String,
    leaveWord: String,
    reasonLabel: String,
    reasonHint: String,
    leastReason: { type: Number, default: 0 },
  },
  emits: ["done"],
  data() {
    return { reason: "", asked: false };
  },
  computed: {
    lacks() {
      return this.reasonLabel && this.reason.trim().length < this.leastReason;
    },
  },
  mounted() {
    this.before = document.activeElement;
    this.$el.showModal();
  },
  beforeUnmount() {
    this.$el.close();
    if (this.before && document.contains(this.before)) this.before.focus();
  },
  methods: {
    act() {
      if (this.lacks) {
        this.asked = true;
        this.$el.querySelector("textarea").focus();
        return;
      }
      this.$emit("done", { yes: true, reason: this.reason.trim() });
    },
    leave() {
      this.$emit("done", { yes: false, reason: "" });
    },
  },
  template: `
    <dialog class="confirm" :aria-label="title" @cancel.prevent="leave">
      <h2>{{ title }}</h2>
      <p>{{ consequence }}</p>
      <div v-if="reasonLabel" class="field" :class="{'field--bad': asked && lacks}">
        <label :for="$attrs.id + '-why'">{{ reasonLabel }}</label>
        <textarea :id="$attrs.id + '-why'" class="input" rows="2" v-model="reason" maxlength="500"
          :aria-describedby="$attrs.id + '-hint'" :aria-invalid="asked && lacks ? 'true' : undefined"></textarea>
        <p class="field__msg" :id="$attrs.id + '-hint'" :role="asked && lacks ? 'alert' : undefined">{{ reasonHint }}</p>
      </div>
      <div class="confirm__acts">
        <button type="button" class="btn btn--line" @click="leave">{{ leaveWord }}</button>
        <button type="button" class="btn btn--stop" @click="act">{{ doWord }}</button>
      </div>
    </dialog>`,
};
