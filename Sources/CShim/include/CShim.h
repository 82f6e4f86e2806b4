// Nothing is called from outside: the shim's functions stand in for those of the C library in a process
// that was started with it in LD_PRELOAD. See CShimControl for what steers it.
