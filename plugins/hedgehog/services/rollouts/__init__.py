"""One change for many fabrics, wave by wave: planned for all, stored and watched fabric by fabric, taken back.

Never decides what is next by itself: that is `fabric.rollouts`, from what is recorded and observed.
"""
