// What has just been done, with the way back. It waits while somebody points at it or is inside.
export default {
  props: { seconds: Number },
  emits: ["gone"],
  data() {
    return { left: this.seconds, held: false };
  },
  mounted() {
    if (!this.seconds) return;
    this.ticking = setInterval(() => {
      if (this.held || document.hidden) return;
      this.left -= 1;
      if (this.left > 0) return;
      clearInterval(this.ticking);
      this.$emit("gone");
    }, 1000);
  },
  beforeUnmount() {
    clearInterval(this.ticking);
  },
  template: `
    <div class="toast" @mouseenter="held = true" @mouseleave="held = false" @focusin="held = true"
      @focusout="held = false"><slot /></div>`,
};
